import {
  ActionGroup,
  Alert,
  Button,
  Card,
  CardBody,
  Content,
  Divider,
  Form,
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  TextArea,
  TextInput,
  Title,
} from '@patternfly/react-core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type SubmitEvent } from 'react';
import type { Session } from '../../admin/schemas/session.ts';
import { call, urlOf } from '../api/http.ts';
import { Brand } from '../app/brand.tsx';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { strings } from '../strings.ts';
import { changeSession } from './session-change.ts';
import { useSignInProblem } from './sign-in-problem.ts';

const text = strings.signIn;

/** Every way to sign in that the installation has. */
export function SignIn({ session, hasEnded }: { readonly session: Session; readonly hasEnded: boolean }) {
  const { signIn: methods } = session;
  const problem = useSignInProblem();
  return (
    <main className="cs-sign-in">
      <Card isLarge className="cs-sign-in__card">
        <CardBody>
          <Brand />
          <Title headingLevel="h1" size="2xl" className="cs-space-above">
            {text.title}
          </Title>
          <Content component="p">{session.mode === 'cluster' ? text.cluster : text.standalone}</Content>
          {hasEnded && <Alert isInline variant="info" title={text.ended} className="cs-space-below" />}
          {problem !== undefined && (
            <Alert isInline variant="danger" title={problem} className="cs-space-below" role="alert" />
          )}
          {methods.includes('oidc') && (
            <Button component="a" href={urlOf('/session/oidc')} variant="primary" isBlock size="lg">
              {text.oidc}
            </Button>
          )}
          {methods.includes('oidc') && methods.length > 1 && <Divider className="cs-space-around" />}
          {methods.includes('token') && <SecretForm method="token" />}
          {methods.includes('password') && <SecretForm method="password" />}
        </CardBody>
      </Card>
    </main>
  );
}

function SecretForm({ method }: { readonly method: 'token' | 'password' }) {
  const [secret, setSecret] = useState('');
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: () => call<Session>('POST', '/session', { body: { method, [method]: secret.trim() } }),
    onSuccess: (session) => {
      setSecret('');
      changeSession(client, session);
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  const { label, help } = text[method];
  const id = `sign-in-${method}`;
  const shared = { id, value: secret, isRequired: true, 'aria-describedby': `${id}-help` } as const;
  return (
    <Form onSubmit={submit}>
      {signIn.isError && <ProblemAlert error={signIn.error} />}
      <FormGroup label={label} fieldId={id} isRequired>
        {method === 'token' ? (
          <TextArea
            {...shared}
            className="cs-code"
            rows={4}
            resizeOrientation="vertical"
            autoComplete="off"
            spellCheck={false}
            onChange={(_, value) => setSecret(value)}
          />
        ) : (
          <TextInput
            {...shared}
            type="password"
            autoComplete="current-password"
            onChange={(_, value) => setSecret(value)}
          />
        )}
        <FormHelperText>
          <HelperText>
            <HelperTextItem id={`${id}-help`}>{help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      </FormGroup>
      <ActionGroup>
        <Button
          type="submit"
          isBlock
          size="lg"
          isLoading={signIn.isPending}
          isDisabled={secret.trim() === '' || signIn.isPending}
        >
          {text.submit}
        </Button>
      </ActionGroup>
    </Form>
  );
}
