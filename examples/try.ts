/** Asks the webhook that `make run` left up whether a Pod with these images may run: `try.ts IMAGE...` */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSettings } from '../src/config.ts';
import { admit } from './api-server.ts';
import { describeAdmission } from './print.ts';

const images = process.argv.slice(2);
if (images.length === 0) {
  console.error('Usage: node_modules/.bin/node examples/try.ts IMAGE...');
  process.exit(2);
}
const settings = loadSettings({
  file: join(import.meta.dirname, 'countersign.yaml'),
  flags: {},
  env: {},
  cwd: process.cwd(),
});
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'try', namespace: 'mcp' },
  spec: { containers: images.map((image, index) => ({ name: `c${index}`, image })) },
};
const webhook = {
  url: `https://localhost:${settings.webhook.port}`,
  caPem: readFileSync(join(settings.certificate.directory ?? '', 'ca.crt'), 'utf8'),
};
const admission = await admit(webhook, pod);
console.log(describeAdmission(pod, admission));
process.exitCode = admission.allowed ? 0 : 1;
