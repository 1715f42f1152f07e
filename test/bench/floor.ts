import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

/** A bare node:https server: reads the body, parses it, answers a constant. What any webhook in Node costs at the least. */
const [directory = '', port = '0'] = process.argv.slice(2);
const key = readFileSync(join(directory, 'tls.key'));
const cert = readFileSync(join(directory, 'tls.crt'));

createServer({ key, cert, keepAliveTimeout: 120_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { request: asked } = JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid: asked.uid, allowed: true },
      }),
    );
  });
}).listen(Number(port), '127.0.0.1');
