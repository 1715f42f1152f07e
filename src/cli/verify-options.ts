import { InvalidArgumentError, Option, type Command } from 'commander';
import { repeated, strictOptions } from './strict-options.ts';

/** What `countersign verify` is told, as commander hands it over. */
export interface VerifyOptions extends SignerFlags {
  readonly policy?: string;
  readonly namespace?: string;
  readonly config?: string;
  readonly dockerConfig?: string;
  readonly registryCa?: string;
  readonly plainHttp?: readonly string[];
  /** Seconds. */
  readonly timeout: number;
  /** Show provenance in full; out of flags, ask for it. */
  readonly provenance?: boolean;
  readonly output: 'tree' | 'json';
  readonly color: boolean;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
}

/** What stands for a policy, named like cosign's flags. */
export interface SignerFlags {
  readonly certificateIdentity?: readonly string[];
  readonly certificateIdentityRegexp?: readonly string[];
  readonly certificateOidcIssuer?: string;
  readonly certificateOidcIssuerRegexp?: string;
  readonly key?: readonly string[];
  readonly trustedRoot?: string;
  readonly insecureIgnoreTlog?: boolean;
  readonly useSignedTimestamps?: boolean;
  readonly signatureRepository?: string;
  readonly threshold?: number;
  readonly slsaLevel?: number;
  readonly builder?: readonly string[];
  readonly source?: readonly string[];
}

const MAX_TIMEOUT_SECONDS = 3600;

/** Declares the options of `verify`. */
export function addVerifyOptions(command: Command): Command {
  const all = addSignerFlags(command.argument('<image...>', 'images, as they stand in a workload'))
    .optionsGroup('Registries:')
    .option('--config <file>', 'settings (YAML) of `serve`, for its registries and credentials')
    .option(
      '--docker-config <file>',
      'registry credentials ($DOCKER_CONFIG/config.json or ~/.docker/config.json)',
    )
    .option(
      '--registry-ca <file>',
      "PEM certificates to trust beside the system's, for the images' registries",
    )
    .option('--plain-http <host>', 'speak http to this host:port (repeatable)', repeated)
    .optionsGroup('Output:')
    .option('--provenance', 'show how the image was built, and what its provenance says')
    .option('--timeout <seconds>', 'after so long the answer is "cannot tell"', timeout, 30)
    .addOption(
      new Option('--output <form>', 'for people or for programs').choices(['tree', 'json']).default('tree'),
    )
    .option('--no-color', 'no colours, also where a terminal would show them')
    .addOption(
      new Option('--log-level <level>', 'log to standard error').choices(['debug', 'info', 'warn', 'error']),
    );
  return strictOptions(all);
}

function addSignerFlags(command: Command): Command {
  return command
    .optionsGroup('Who is trusted, by policies:')
    .option('--policy <path>', 'policies, signers and trust roots: a file or a directory of them')
    .option(
      '--namespace <name>',
      'only policies that apply in this namespace; otherwise all of them must hold',
      namespaceName,
    )
    .optionsGroup('Who is trusted, instead of policies:')
    .option('--certificate-identity <identity>', 'whole subject of the certificate (repeatable)', repeated)
    .option(
      '--certificate-identity-regexp <pattern>',
      'RE2 that matches the whole subject (repeatable)',
      repeated,
    )
    .option('--certificate-oidc-issuer <issuer>', 'whole issuer of the certificate')
    .option('--certificate-oidc-issuer-regexp <pattern>', 'RE2 that matches the whole issuer')
    .option('--key <key>', 'file with a PEM public key or certificate, or a KMS URI (repeatable)', repeated)
    .option('--trusted-root <file>', 'trusted_root.json instead of the public good instance')
    .option('--insecure-ignore-tlog', 'for keys only: do not ask for a transparency log entry')
    .option('--use-signed-timestamps', 'ask for a timestamp of a timestamp authority as well')
    .option('--signature-repository <repository>', 'look for signatures there too ($COSIGN_REPOSITORY)')
    .option('--threshold <number>', 'how many distinct signers must have signed', wholeNumber)
    .option('--slsa-level <level>', 'SLSA build level that its provenance must give, 1 to 3', wholeNumber)
    .option(
      '--builder <id>',
      'builder.id of the provenance, with or without its version (repeatable)',
      repeated,
    )
    .option('--source <uri>', 'repository that it must be built from (repeatable)', repeated);
}

/** A name that no namespace has would leave out every SigningPolicy, without a word. */
function namespaceName(text: string): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text))
    throw new InvalidArgumentError('It must be the name of a namespace: lower-case letters, digits and "-".');
  return text;
}

function timeout(text: string): number {
  const seconds = Number(text);
  if (!/^\d{1,4}(\.\d{1,3})?$/.test(text) || seconds <= 0 || seconds > MAX_TIMEOUT_SECONDS) {
    throw new InvalidArgumentError(`It must be a number of seconds, at most ${MAX_TIMEOUT_SECONDS}.`);
  }
  return seconds;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
