import { parseKeyReference, type KeyReference } from '../../api/key-reference.ts';
import { Fault, Refusal } from '../../errors.ts';
import { parsePublicKey, type VerificationKey } from '../../sigstore/public-key.ts';
import { describeKey } from '../key-description.ts';
import { ApiProblem } from '../problem.ts';
import { callerOf, requireRight } from '../rights.ts';
import { route, type Route } from '../route.ts';
import { keyAnswerSchema, keyQuestionSchema } from '../schemas/keys.ts';

/** Reads a key now, with the guards, bounds and credentials that keys of policies are read with. */
export interface KeyReader {
  /** @throws Fault KEY_UNAVAILABLE with a sentence for people */
  readKey(reference: KeyReference, signal: AbortSignal): Promise<readonly VerificationKey[]>;
}

const MAX_QUESTION_BYTES = 128 * 1024;

/** "What is this key?" */
export function keyRoutes(keys: KeyReader): readonly Route[] {
  return [
    route({
      method: 'post',
      path: '/keys/resolve',
      operationId: 'resolveKey',
      tag: 'keys',
      summary: 'What a key is: a PEM text, or a reference that is read now',
      description:
        'Of a PEM text (`PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`) nothing leaves this process. A reference is followed with the credentials of Countersign itself, to nowhere but where references of policies may lead. Needs the right to create `keys`. Nothing is kept.',
      access: 'signed-in',
      body: { schema: keyQuestionSchema, types: ['application/json'], limit: MAX_QUESTION_BYTES },
      answers: { 200: { description: 'The public keys.', schema: keyAnswerSchema } },
      problems: ['FORBIDDEN', 'INVALID', 'UNAVAILABLE', 'RATE_LIMITED'],
      rate: 'outbound',
      handle: async ({ body, caller, signal }) => {
        await requireRight(callerOf(caller), { verb: 'create', resource: 'keys' });
        const found =
          'pem' in body
            ? [read('pem', () => parsePublicKey(body.pem.trim()))]
            : await ask(keys, body.uri, signal);
        return { status: 200, body: { keys: found.map(describeKey) } };
      },
    }),
  ];
}

async function ask(keys: KeyReader, uri: string, signal: AbortSignal): Promise<readonly VerificationKey[]> {
  const reference = read('uri', () => parseKeyReference(uri));
  try {
    return await keys.readKey(reference, signal);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new ApiProblem('UNAVAILABLE', `${error.message}.`, { cause: error });
  }
}

function read<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const errors = [{ field, message: error.message }];
    throw new ApiProblem('INVALID', 'This is no key that signatures can be verified with. See errors.', {
      errors,
    });
  }
}
