import { Alert, Card, CardBody, CardTitle, List, ListItem } from '@patternfly/react-core';
import { useEffect, useMemo, useRef } from 'react';
import type { VerifyResult } from '../../admin/schemas/verify.ts';
import type { Explanation } from '../../policy/explanation.ts';
import { ExplainTree } from '../explain/explain-tree.tsx';
import { explanationTree } from '../explain/explanation-tree.ts';
import { Facts } from '../shared/facts.tsx';
import { Time } from '../shared/time.tsx';
import { isRecord } from '../shared/values.ts';
import { strings } from '../strings.ts';

const text = strings.tryImage;
const VARIANTS = { verified: 'success', failed: 'danger', error: 'warning' } as const;

/** The answer to "would it be admitted?". */
export function VerifyAnswer({ result }: { readonly result: VerifyResult }) {
  const { status, reasons, image } = result;
  const { title, detail } = text.statuses[status];
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.focus();
  }, []);
  return (
    <div className="cs-stack" ref={place} tabIndex={-1} role="group" aria-label={title}>
      <Alert component="h2" isInline variant={VARIANTS[status]} title={title}>
        <p className="cs-wrap">{image}</p>
        <p>{detail}</p>
        {reasons.length > 0 && (
          <List className="cs-wrap">
            {reasons.map(({ code, detail: why, policy }) => (
              <ListItem key={`${code} ${policy ?? ''} ${why}`}>
                <code>{code}</code> {why}{' '}
                {policy !== undefined && <span className="cs-quiet">({policy})</span>}
              </ListItem>
            ))}
          </List>
        )}
      </Alert>
      <Card>
        <CardBody>
          <ResultFacts result={result} />
        </CardBody>
      </Card>
      {isRecord(result.explanation) && (
        <Explained explanation={result.explanation as unknown as Explanation} />
      )}
    </div>
  );
}

function Explained({ explanation }: { readonly explanation: Explanation }) {
  const root = useMemo(() => explanationTree(explanation), [explanation]);
  return (
    <Card>
      <CardTitle component="h2">{text.explanation}</CardTitle>
      <CardBody>
        <ExplainTree root={root} label={text.explanation} />
      </CardBody>
    </Card>
  );
}

function ResultFacts({ result }: { readonly result: VerifyResult }) {
  const { digest, signers, slsaLevel, slsaBuilder, source, sourceRef, policies, exceptions } = result;
  return (
    <Facts
      facts={[
        [text.digest, digest && <code key="digest">{digest}</code>],
        [
          text.signers,
          signers.length === 0
            ? text.noSigners
            : signers.map(({ entry, identity, issuer, signedAt }) => (
                <div key={`${entry} ${identity}`} className="cs-space-between">
                  <strong>{entry}</strong>
                  <div className="cs-code">{identity}</div>
                  {issuer !== undefined && !identity.includes(issuer) && (
                    <div className="cs-code cs-quiet">{issuer}</div>
                  )}
                  {signedAt !== undefined && (
                    <div className="cs-quiet">
                      {text.signedAt} <Time at={signedAt} form="full" />
                    </div>
                  )}
                </div>
              )),
        ],
        [text.slsa, slsaLevel === undefined ? text.noSlsa : strings.overview.level(slsaLevel)],
        [text.builder, slsaBuilder],
        [text.source, source],
        [text.ref, sourceRef],
        [text.policies, policies.length === 0 ? text.noPolicies : policies.join(', ')],
        [text.exceptions, exceptions.join(', ')],
      ]}
    />
  );
}
