import { Label, LabelGroup } from '@patternfly/react-core';
import type { Signer } from '../../admin/schemas/resources.ts';
import { Facts } from '../shared/facts.tsx';
import { SignerStateLabel } from '../shared/labels.tsx';
import { Time } from '../shared/time.tsx';
import { pairsAt, textAt } from '../shared/values.ts';
import { strings } from '../strings.ts';

const text = strings.signers;

export function SignerFacts({ signer: { metadata, spec, facts } }: { readonly signer: Signer }) {
  const expiresAt = textAt(spec, 'expiresAt');
  const from = textAt(spec, 'signedNotBefore');
  const until = textAt(spec, 'signedNotAfter');
  const extensions = Object.entries(pairsAt(spec, 'extensions'));
  const labels = Object.entries(metadata.labels ?? {});
  return (
    <Facts
      facts={[
        [
          text.columns.state,
          <span key="state" className="cs-row">
            <SignerStateLabel state={facts.state} /> {facts.stateDetail}
          </span>,
        ],
        [text.description, textAt(spec, 'description')],
        [text.columns.type, text.types[facts.type]],
        [text.columns.identity, <code key="identity">{facts.identity}</code>],
        [
          text.form.extensions,
          extensions.length === 0 ? undefined : <Lines key="lines" entries={extensions} />,
        ],
        [text.form.trustRoot, textAt(spec, 'trustRootRef', 'name')],
        [text.keys, facts.type === 'keyless' ? undefined : <Keys key="keys" keys={facts.keys} />],
        [
          text.columns.expires,
          expiresAt === undefined ? text.never : <Time key="expires" at={expiresAt} form="full" />,
        ],
        [
          text.signedBetween,
          from === undefined && until === undefined ? (
            text.signedAny
          ) : (
            <span key="bounds">
              {from !== undefined && (
                <>
                  {text.signedFrom} <Time at={from} form="full" />{' '}
                </>
              )}
              {until !== undefined && (
                <>
                  {text.signedUntil} <Time at={until} form="full" />
                </>
              )}
            </span>
          ),
        ],
        [
          text.columns.lastUsed,
          facts.lastUsedAt === undefined ? (
            strings.app.none
          ) : (
            <Time key="used" at={facts.lastUsedAt} form="relative" />
          ),
        ],
        [
          strings.app.labels,
          labels.length === 0 ? undefined : (
            <LabelGroup key="labels" aria-label={strings.app.labels}>
              {labels.map(([key, value]) => (
                <Label key={key} isCompact variant="outline">{`${key}=${value}`}</Label>
              ))}
            </LabelGroup>
          ),
        ],
        [
          strings.app.created,
          metadata.creationTimestamp === undefined ? undefined : (
            <Time key="created" at={metadata.creationTimestamp} form="full" />
          ),
        ],
      ]}
    />
  );
}

function Lines({ entries }: { readonly entries: readonly (readonly [string, string])[] }) {
  return entries.map(([name, value]) => (
    <div key={name} className="cs-code">
      {name}={value}
    </div>
  ));
}

function Keys({ keys }: Pick<Signer['facts'], 'keys'>) {
  if (keys.length === 0) return text.keysNone;
  return keys.map(({ fingerprint, algorithm }) => (
    <div key={fingerprint}>
      {algorithm} <code>{fingerprint}</code>
    </div>
  ));
}
