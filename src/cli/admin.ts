import { readFileSync } from 'node:fs';
import type { ServingCertificate } from '../tls/serving-certificate.ts';
import { AdminLink } from './admin-link.ts';
import { rightsOf } from './admin-rights.ts';
import type { AdminContext } from './admin-context.ts';
import { adminRoutes } from './admin-routes.ts';

/** A running admin page. */
export interface AdminDoor {
  readonly port: number;
  useCertificate(certificate: ServingCertificate): void;
  drain(): void;
  /** @param milliseconds for what is under way */
  stop(milliseconds: number): Promise<void>;
}

/** Puts the admin page and its API together and opens it. @throws SettingsError; Error when its port cannot be had */
export async function openAdmin(context: AdminContext, certificate: ServingCertificate): Promise<AdminDoor> {
  const { settings, logger } = context;
  const { routes, stop } = adminRoutes(context, VERSION);
  const calls = { routes, may: rightsOf(context) };
  const link = new AdminLink({ settings, version: VERSION, calls, logger }, keyPairOf(certificate));
  try {
    await link.start();
  } catch (error) {
    stop();
    throw error;
  }
  return {
    get port() {
      return link.port;
    },
    useCertificate: (newer) => link.useKeyPair(keyPairOf(newer)),
    drain: () => link.drain(),
    stop: async (milliseconds) => {
      stop();
      await link.stop(milliseconds);
    },
  };
}

function keyPairOf({ certPem, keyPem }: ServingCertificate) {
  return { cert: certPem, key: keyPem };
}

/** The same from src/ and from dist/. */
const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  }
).version;
