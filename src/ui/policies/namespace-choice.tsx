import { Alert, Button, Form } from '@patternfly/react-core';
import { useState } from 'react';
import { TextField } from '../shared/text-field.tsx';
import { strings } from '../strings.ts';

const text = strings.policies.inNamespace;

/** For whoever may see the policies of a namespace, and not those of the cluster. @param namespace undefined = none is chosen yet */
export function NamespaceChoice({
  namespace,
  onChoose,
}: {
  readonly namespace: string | undefined;
  readonly onChoose: (namespace: string) => void;
}) {
  const [typed, setTyped] = useState(namespace ?? '');
  const name = typed.trim();
  return (
    <div className="cs-stack cs-space-below">
      <Alert
        component="h2"
        isInline
        variant="info"
        title={namespace === undefined ? text.title : text.shown(namespace)}
      >
        {namespace === undefined ? text.body : text.shownBody}
      </Alert>
      <Form
        aria-label={text.legend}
        onSubmit={(event) => {
          event.preventDefault();
          if (name !== '') onChoose(name);
        }}
      >
        <div className="cs-filters__row">
          <TextField label={text.label} value={typed} onChange={setTyped} isRequired />
          <Button type="submit" variant="secondary" className="cs-fit cs-end" isDisabled={name === ''}>
            {text.show}
          </Button>
        </div>
      </Form>
    </div>
  );
}
