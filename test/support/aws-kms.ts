import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, http } from './http-client.ts';
import { serverCertificate } from './key-store.ts';
import { freePort } from './ports.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { toolPath } from './tools.ts';

/** AWS's KMS as moto serves it, over https, empty, and gone when it is stopped. */
export interface AwsKms {
  /** `127.0.0.1:PORT`, as it stands in references. */
  readonly host: string;
  readonly caFile: string;
  readonly process: RunningProcess;
  /** One operation of its API; the answer's JSON. */
  call(operation: string, input: object): Promise<Readonly<Record<string, unknown>>>;
  /** Makes a signing key with an alias; its ARN. */
  createKey(alias: string, spec?: string, usage?: string): Promise<string>;
}

export const awsRegion = 'us-east-1';
/** What moto takes: it looks at no signature. */
export const awsEnvironment = {
  AWS_ACCESS_KEY_ID: 'tests',
  AWS_SECRET_ACCESS_KEY: 'tests',
  AWS_REGION: awsRegion,
  AWS_EC2_METADATA_DISABLED: 'true',
} as const;

export async function startAwsKms(workDir: string): Promise<AwsKms> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const tls = serverCertificate(['127.0.0.1']);
  const caFile = join(workDir, `aws-${port}.ca`);
  writeFileSync(caFile, tls.caPem);
  writeFileSync(join(workDir, 'aws.crt'), tls.certPem);
  writeFileSync(join(workDir, 'aws.key'), tls.keyPem, { mode: 0o600 });
  const process = await startProcess({
    name: `moto-${port}`,
    file: toolPath('moto'),
    args: [
      '-H',
      '127.0.0.1',
      '-p',
      String(port),
      '-c',
      join(workDir, 'aws.crt'),
      '-k',
      join(workDir, 'aws.key'),
    ],
    workDir,
    ready: answers(`https://${host}/moto-api/`),
  });
  const authorization = `AWS4-HMAC-SHA256 Credential=tests/20260101/${awsRegion}/kms/aws4_request, SignedHeaders=host, Signature=0`;
  const call = async (operation: string, input: object) => {
    const answer = await http(`https://${host}/`, {
      method: 'POST',
      headers: {
        'x-amz-target': `TrentService.${operation}`,
        'content-type': 'application/x-amz-json-1.1',
        authorization,
      },
      body: JSON.stringify(input),
      ca: tls.caPem,
    });
    if (answer.status !== 200) throw new Error(`${operation}: ${answer.status} ${answer.body.toString()}`);
    return JSON.parse(answer.body.toString() || '{}') as Record<string, unknown>;
  };
  const createKey = async (alias: string, KeySpec = 'ECC_NIST_P256', KeyUsage = 'SIGN_VERIFY') => {
    const { KeyMetadata } = await call('CreateKey', { KeySpec, KeyUsage });
    const { Arn } = KeyMetadata as { Arn: string };
    await call('CreateAlias', { AliasName: `alias/${alias}`, TargetKeyId: Arn });
    return Arn;
  };
  return { host, caFile, process, call, createKey };
}
