import { Button, Content, Modal, ModalBody, ModalFooter, ModalHeader, Title } from '@patternfly/react-core';
import { useState } from 'react';
import type { ImpactQuestion } from '../../admin/schemas/impact.ts';
import type { Signer } from '../../admin/schemas/resources.ts';
import { ImpactView } from '../impact/impact-view.tsx';
import { PolicyLinks } from '../shared/policy-links.tsx';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { strings } from '../strings.ts';
import { useEnding, type Ending } from './signer-writes.ts';

const text = strings.signers;

const WORDS = {
  retire: { title: text.retireTitle, body: text.retireBody, confirm: text.retireConfirm },
  revoke: { title: text.revokeTitle, body: text.revokeBody, confirm: text.revokeConfirm },
  delete: { title: text.deleteTitle, body: text.deleteBody, confirm: text.deleteConfirm },
} as const;

/** Asks before trust in a signer ends, and says first who relies on it. */
export function EndingDialog({
  signer,
  ending,
  onClose,
  onDone = onClose,
}: {
  readonly signer: Signer;
  readonly ending: Ending;
  readonly onClose: () => void;
  readonly onDone?: () => void;
}) {
  const { name } = signer.metadata;
  const end = useEnding(ending, onDone);
  const { title, body, confirm } = WORDS[ending];
  return (
    <Modal
      isOpen
      variant="medium"
      aria-labelledby="ending-title"
      aria-describedby="ending-body"
      onClose={onClose}
    >
      <ModalHeader title={title(name)} labelId="ending-title" titleIconVariant="warning" />
      <ModalBody id="ending-body">
        <div className="cs-stack">
          <Content component="p">{body}</Content>
          {end.isError && <ProblemAlert error={end.error} />}
          <section>
            <Title headingLevel="h2" size="md">
              {text.usedByTitle}
            </Title>
            {signer.facts.usedBy.length === 0 ? (
              <p className="cs-quiet">{text.usedByNone}</p>
            ) : (
              <PolicyLinks policies={signer.facts.usedBy} />
            )}
          </section>
          <Reliance signer={signer} ending={ending} />
        </div>
      </ModalBody>
      <ModalFooter>
        <Button
          variant={ending === 'retire' ? 'primary' : 'danger'}
          isLoading={end.isPending}
          isDisabled={end.isPending}
          onClick={() => end.mutate(name)}
        >
          {confirm}
        </Button>
        <Button variant="link" onClick={onClose}>
          {strings.app.cancel}
        </Button>
      </ModalFooter>
    </Modal>
  );
}

/** Who relies on it; and, as a retired one keeps what it signed, who would really be refused. */
function Reliance({ signer, ending }: { readonly signer: Signer; readonly ending: Ending }) {
  const [removed] = useState<ImpactQuestion>(() => ({
    change: { remove: { kind: 'TrustedSigner', name: signer.metadata.name } },
  }));
  const [retired] = useState<ImpactQuestion>(() => ({ change: { put: retiredNow(signer) } }));
  return (
    <>
      <section>
        <Title headingLevel="h2" size="md">
          {text.reliesTitle}
        </Title>
        <ImpactView question={removed} none={text.reliesNone} />
      </section>
      {ending === 'retire' && (
        <section>
          <Title headingLevel="h2" size="md">
            {text.wouldRefuseTitle}
          </Title>
          <ImpactView question={retired} />
        </section>
      )}
    </>
  );
}

function retiredNow({ apiVersion, kind, metadata, spec }: Signer): Record<string, unknown> {
  const { name, labels } = metadata;
  const signedNotAfter = new Date().toISOString().replace(/\.\d{3}Z$/, 'Z');
  return {
    apiVersion,
    kind,
    metadata: { name, ...(labels !== undefined && { labels }) },
    spec: { ...spec, signedNotAfter },
  };
}
