import type { Access } from '../access.ts';
import { ADMINISTRATOR, type Authenticator } from '../authentication.ts';
import type { AccessResource, Caller } from '../caller.ts';
import { removed, SESSION_COOKIE, sessionCookie } from '../cookies.ts';
import { route, type Route } from '../route.ts';
import {
  sessionSchema,
  signInSchema,
  type Permissions,
  type Session as SessionBody,
} from '../schemas/session.ts';
import type { Session, Sessions } from '../sessions.ts';
import type { Logger } from '../../log.ts';

export interface SessionDependencies {
  readonly access: Access;
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  readonly version: string;
  /** Ways to sign in. */
  readonly signIn: SessionBody['signIn'];
  readonly logger: Logger;
}

const MAX_SIGN_IN_BYTES = 32 * 1024;

/** Signing in and out, and who one is. */
export function sessionRoutes(dependencies: SessionDependencies): readonly Route[] {
  return [whoAmI(dependencies), signIn(dependencies), signOut(dependencies)];
}

function whoAmI(dependencies: SessionDependencies): Route {
  return route({
    method: 'get',
    path: '/session',
    operationId: 'getSession',
    tag: 'session',
    summary: 'Who am I, and what may I do?',
    description: 'Also for who is not signed in: it says how to.',
    access: 'anyone',
    answers: { 200: { description: 'Who one is here.', schema: sessionSchema } },
    problems: [],
    handle: async ({ caller, session }) => ({
      status: 200,
      body: await describe(
        dependencies,
        caller,
        session === undefined ? undefined : dependencies.sessions.use(session, false)?.session,
      ),
    }),
  });
}

function signIn(dependencies: SessionDependencies): Route {
  const { access, authenticator, sessions, logger } = dependencies;
  return route({
    method: 'post',
    path: '/session',
    operationId: 'signIn',
    tag: 'session',
    summary: 'Sign in with a token or a password',
    description:
      'The answer sets a cookie. Programs need none: they send the Authorization header each time.',
    access: 'anyone',
    body: { schema: signInSchema, types: ['application/json'], limit: MAX_SIGN_IN_BYTES },
    answers: { 200: { description: 'Signed in.', schema: sessionSchema } },
    problems: [],
    rate: 'sign-in',
    handle: async ({ body, address, signal, session: before }) => {
      const credentials =
        body.method === 'password'
          ? { method: 'password' as const, name: ADMINISTRATOR, password: body.password }
          : body;
      const user = await authenticator.identify(credentials, address, signal);
      // An id from before, whoever may know it, is worth nothing afterwards.
      if (before !== undefined) sessions.end(before);
      const { id, session } = sessions.begin(user);
      logger.info({ user: user.name, address, method: body.method }, 'signed in');
      const caller = {
        ...user,
        may: (question: Parameters<Caller['may']>[0]) => access.may(user, question, signal),
      };
      return {
        status: 200,
        body: await describe(dependencies, caller, session),
        cookies: [sessionCookie(id)],
      };
    },
  });
}

function signOut({ sessions, logger }: SessionDependencies): Route {
  return route({
    method: 'delete',
    path: '/session',
    operationId: 'signOut',
    tag: 'session',
    summary: 'Sign out',
    description: 'The session is over on this server, whoever has a copy of its cookie.',
    access: 'signed-in',
    answers: { 204: { description: 'Signed out.' } },
    problems: [],
    handle: ({ session, caller, address }) => {
      if (session !== undefined) sessions.end(session);
      logger.info({ user: caller?.name, address }, 'signed out');
      return Promise.resolve({ status: 204, cookies: [removed(SESSION_COOKIE)] });
    },
  });
}

async function describe(
  { access, version, signIn: ways }: SessionDependencies,
  caller: Caller | undefined,
  session: Session | undefined,
): Promise<SessionBody> {
  return {
    mode: access.mode,
    version,
    signIn: ways,
    ...(caller !== undefined && {
      user: { name: caller.name, groups: [...(caller.groups ?? [])] },
      permissions: await permissionsOf(caller),
    }),
    ...(session !== undefined && {
      csrfToken: session.csrfToken,
      expiresAt: new Date(session.expiresAt).toISOString(),
    }),
  };
}

/** In the whole cluster; what somebody may do in one namespace only is asked when they do it. */
async function permissionsOf({ may }: Caller): Promise<Permissions> {
  const grants = async (resource: AccessResource) => {
    const [read, create, update, remove] = await Promise.all(
      (['list', 'create', 'update', 'delete'] as const).map((verb) => may({ verb, resource })),
    );
    return { read: read === true, create: create === true, update: update === true, delete: remove === true };
  };
  const [signers, policies, trustRoots, exceptions, verifications, changes, verify, resolveKeys] =
    await Promise.all([
      grants('trustedsigners'),
      grants('clustersigningpolicies'),
      grants('trustroots'),
      grants('signingexceptions'),
      may({ verb: 'list', resource: 'verifications' }),
      may({ verb: 'list', resource: 'changes' }),
      may({ verb: 'create', resource: 'verifications' }),
      may({ verb: 'create', resource: 'keys' }),
    ]);
  return { signers, policies, trustRoots, exceptions, verifications, changes, verify, resolveKeys };
}
