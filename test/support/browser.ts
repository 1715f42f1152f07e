import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser as Chromium, type BrowserContext, type Page } from 'playwright-core';
import { toolPath } from './tools.ts';

export interface PageOptions {
  /** Pixels; 1280 unless told. */
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  /** Statuses of failed answers that the story brings about; any other is a defect of the page. */
  readonly refusals?: readonly number[];
  /** Streams are cut off in this story, which the browser tells in its console. */
  readonly endsStreams?: boolean;
  /** The page may have the browser ask before it is left; whoever is asked stays. */
  readonly staysWhenAsked?: boolean;
  /** Hosts beside the site's own, with their ports, such as that of an attacker's page. */
  readonly otherHosts?: readonly string[];
}

/** One person's browser: its cookies and storage are nobody else's. */
export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What no visit may bring about: errors in the console, violations of the policy, dialogs, requests to other hosts. */
  readonly defects: () => readonly string[];
  close(): Promise<void>;
}

export interface TestBrowser {
  /** @param origin of the site, which relative addresses are relative to */
  visit(origin: string, options?: PageOptions): Promise<Visitor>;
  stop(): Promise<void>;
}

/** Headless Chromium with a profile of its own. Names other than this machine's do not resolve. */
export async function startBrowser(): Promise<TestBrowser> {
  const chrome = await chromium.launch({
    executablePath: toolPath('chromium'),
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost',
    ],
  });
  return {
    visit: (origin, options = {}) => visit(chrome, origin, options),
    stop: () => chrome.close(),
  };
}

async function visit(chrome: Chromium, origin: string, options: PageOptions): Promise<Visitor> {
  const { width = 1280, height = 900, scheme = 'light' } = options;
  const context = await chrome.newContext({
    baseURL: origin,
    // The certificate is of the installation's own authority; nothing else is made easier.
    ignoreHTTPSErrors: true,
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  const defects = await watch(context, origin, options);
  const page = await context.newPage();
  return { page, context, defects: () => defects, close: () => context.close() };
}

const TELL_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) => {
  __tellViolation([event.effectiveDirective, event.blockedURI, event.sample].join(' '));
});`;

async function watch(context: BrowserContext, origin: string, options: PageOptions): Promise<string[]> {
  const { refusals = [], otherHosts = [], endsStreams = false, staysWhenAsked = false } = options;
  const defects: string[] = [];
  const hosts = new Set([new URL(origin).host, ...otherHosts]);
  // A script of the page could silence the console; it cannot take back this event.
  await context.exposeBinding('__tellViolation', (_source, told: string) => {
    defects.push(`content security policy: ${told}`);
  });
  await context.addInitScript({ content: TELL_VIOLATIONS });
  context.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (/^(?:https?|wss?):$/.test(protocol) && !hosts.has(host))
      defects.push(`a request to ${request.url()}`);
  });
  context.on('dialog', (dialog) => {
    if (!staysWhenAsked || dialog.type() !== 'beforeunload') defects.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on('weberror', (error) =>
    defects.push(`an error: ${error.error().stack ?? error.error().message}`),
  );
  context.on('console', (message) => {
    if (message.type() !== 'error') return;
    const text = message.text();
    const status = Number(/status of (\d{3})/.exec(text)?.[1]);
    if (refusals.includes(status)) return;
    if (endsStreams && text.endsWith('net::ERR_INCOMPLETE_CHUNKED_ENCODING')) return;
    defects.push(`in the console: ${text} (${message.location().url})`);
  });
  return defects;
}

/** Serious and critical findings of axe about what is shown now, one line each. */
export async function accessibilityFindings(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true)
    // What passes is not told one by one, which takes longer than finding out.
    .options({ resultTypes: ['violations'] })
    .analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${String(target)} ${failureSummary ?? ''}`),
    );
}

/** Pixels by which the document is wider than the window: people would have to scroll sideways. */
export function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
