#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { loadSettings, SettingsError } from '../config.ts';
import { asError } from '../errors.ts';
import { EXIT } from './exit-codes.ts';
import { strictOptions } from './strict-options.ts';
import { addVerifyOptions, type VerifyOptions } from './verify-options.ts';

/** The command line. Each command loads what it needs and nothing else. */

interface ServeOptions {
  readonly config?: string;
  readonly policies?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly tlsDir?: string;
  readonly clientCa?: string;
  readonly port?: number;
  readonly operationsPort?: number;
  readonly adminPort?: number;
  readonly dataDir?: string;
  readonly drainSeconds?: number;
  readonly logLevel?: string;
}

async function serve(options: ServeOptions): Promise<void> {
  const settings = loadSettings({
    file: options.config ?? process.env['COUNTERSIGN_CONFIG'],
    flags: {
      policies: options.policies,
      kubeconfig: options.kubeconfig,
      context: options.context,
      'certificate.directory': options.tlsDir,
      'webhook.clientCA': options.clientCa,
      'webhook.port': options.port,
      'operations.port': options.operationsPort,
      'admin.port': options.adminPort,
      dataDirectory: options.dataDir,
      drainSeconds: options.drainSeconds,
      'log.level': options.logLevel,
    },
    env: process.env,
    cwd: process.cwd(),
  });
  const [{ createPinoLogger }, { Service }, { exitOnDefects, superviseService }] = await Promise.all([
    import('../observe/pino-logger.ts'),
    import('./serve.ts'),
    import('./lifecycle.ts'),
  ]);
  const logger = createPinoLogger({ level: settings.log.level });
  const exit = (code: number): void => {
    logger.flush();
    process.exit(code);
  };
  exitOnDefects(logger, exit);
  const stopEarly = () => exit(EXIT.ok);
  process.once('SIGTERM', stopEarly).once('SIGINT', stopEarly);
  try {
    const service = await Service.start(settings, logger);
    process.off('SIGTERM', stopEarly).off('SIGINT', stopEarly);
    superviseService(service, { drainSeconds: settings.drainSeconds, logger, exit });
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    logger.error({ err: asError(error) }, 'the service could not be started');
    exit(EXIT.failed);
  }
}

async function certs(options: { readonly dir: string; readonly name: readonly string[] }): Promise<void> {
  const [{ makeCertificate }, { isCertificateName }] = await Promise.all([
    import('./certs.ts'),
    import('../tls/self-signed.ts'),
  ]);
  const wrong = options.name.find((name) => !isCertificateName(name));
  if (wrong !== undefined)
    throw new SettingsError(`--name: "${wrong.slice(0, 100)}" is neither a DNS name nor an IP address`);
  const [first = 'localhost', ...others] = options.name;
  process.stdout.write(await makeCertificate({ directory: options.dir, names: [first, ...others] }));
}

async function crds(): Promise<void> {
  const { crdFiles } = await import('../api/crd.ts');
  process.stdout.write([...crdFiles().values()].join('---\n'));
}

async function verify(images: readonly string[], options: VerifyOptions): Promise<void> {
  const { runVerify } = await import('./verify-command.ts');
  const { env, stdout, stderr } = process;
  process.exitCode = await runVerify(images, options, { env, cwd: process.cwd(), stdout, stderr });
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be 0 to 65535.');
  return port;
}

function seconds(text: string): number {
  if (!/^\d{1,3}(\.\d{1,3})?$/.test(text)) throw new InvalidArgumentError('It must be a number of seconds.');
  return Number(text);
}

const VERIFY_HELP = `
Exit codes: 0 every image is verified; 4 "no": an image is not what its policies ask for; 5 "cannot tell": registry, key or trust
root not available, and no other image is refused; 2 command line, settings or policies; 1 a defect.

  countersign verify --policy policies/ ghcr.io/org/server:v1
  countersign verify --key cosign.pub ghcr.io/org/server:v1
  countersign verify --certificate-identity build@example.com --certificate-oidc-issuer https://accounts.google.com IMAGE`;

function program(): Command {
  const countersign = new Command('countersign')
    .description(
      'Admits MCP servers to Kubernetes only when their images carry the signatures that you trust.',
    )
    .exitOverride()
    .showHelpAfterError('(countersign --help says more)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, or stopped as asked; 1 could not start, or a defect; 2 command line or settings; 3 stopped at once by a second signal; verify: 4 an image is refused, 5 nobody could tell.',
    );

  countersign
    .command('serve')
    .description('run the admission webhook: in a cluster, or with --policies from files')
    .option('--config <file>', 'settings (YAML); the other options win over it')
    .option('--policies <path>', 'standalone: policies, signers and trust roots from this directory or file')
    .option('--kubeconfig <file>', 'how to reach the API server from outside the cluster')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--tls-dir <directory>', 'serving certificate: tls.crt, tls.key, ca.crt; made when it is empty')
    .option('--client-ca <file>', 'only clients with a certificate by these authorities may ask')
    .option('--port <number>', 'webhook port (8443)', portNumber)
    .option('--operations-port <number>', 'port of /healthz, /readyz and /metrics (8080)', portNumber)
    .option('--admin-port <number>', 'port of the admin page and its API (9443)', portNumber)
    .option('--data-dir <directory>', "history and the administrator's password (data)")
    .option('--drain-seconds <seconds>', 'time between "not ready" and the end', seconds)
    .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error']))
    .action(serve);

  countersign
    .command('certs')
    .description('make a serving certificate: tls.crt, tls.key and the ca.crt that vouches for them')
    .option('--dir <directory>', 'where it goes; a certificate that is there and good is kept', 'certs')
    .option('--name <name...>', 'DNS names and addresses of the webhook', ['localhost', '127.0.0.1', '::1'])
    .action(certs);

  countersign
    .command('crds')
    .description('print the custom resource definitions: countersign crds | kubectl apply --server-side -f -')
    .action(crds);

  addVerifyOptions(
    countersign
      .command('verify')
      .description('verify images here and now, as the webhook would, and tell why')
      .addHelpText('after', VERIFY_HELP),
  ).action(verify);

  for (const command of countersign.commands) if (command.name() !== 'verify') strictOptions(command);
  return countersign;
}

async function main(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
      return;
    }
    process.stderr.write(`countersign: ${asError(error).message}\n`);
    process.exitCode = error instanceof SettingsError ? EXIT.usage : EXIT.failed;
  }
}

await main();
