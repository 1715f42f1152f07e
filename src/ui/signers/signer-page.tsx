import { Breadcrumb, BreadcrumbItem, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { Link, useNavigate, useParams } from 'react-router';
import type { Signer } from '../../admin/schemas/resources.ts';
import { useSigner } from '../api/queries.ts';
import { usePermissions } from '../session/session.tsx';
import { ActionButton } from '../shared/action-button.tsx';
import { CodeText } from '../shared/code-text.tsx';
import { FindingsAlert, ManagedByAlert } from '../shared/document-alerts.tsx';
import { PolicyLinks } from '../shared/policy-links.tsx';
import { RowMenu } from '../shared/row-menu.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { Loaded } from '../shared/states.tsx';
import { yamlOf } from '../shared/yaml-text.ts';
import { strings } from '../strings.ts';
import { signerActions } from './signer-actions.ts';
import { useSignerDialogs, type SignerDialogs } from './signer-dialogs.tsx';
import { SignerFacts } from './signer-facts.tsx';

const text = strings.signers;

/** Everything about one signer. */
export function SignerPage() {
  const { name = '' } = useParams();
  const signer = useSigner(name);
  const navigate = useNavigate();
  const dialogs = useSignerDialogs(() => void navigate('/signers'));
  return (
    <SectionPage
      title={name}
      above={
        <Breadcrumb className="cs-space-below">
          <BreadcrumbItem>
            <Link to="/signers">{text.back}</Link>
          </BreadcrumbItem>
          <BreadcrumbItem isActive>{name}</BreadcrumbItem>
        </Breadcrumb>
      }
      actions={signer.data !== undefined && <SignerButtons signer={signer.data} dialogs={dialogs} />}
    >
      <Loaded query={signer}>{(data) => <Details signer={data} />}</Loaded>
      {dialogs.shown}
    </SectionPage>
  );
}

function SignerButtons({ signer, dialogs }: { readonly signer: Signer; readonly dialogs: SignerDialogs }) {
  const { signers: grants } = usePermissions();
  const [, ...more] = signerActions(signer, grants, {
    edit: () => dialogs.edit(signer),
    enable: () => dialogs.enable(signer),
    end: (ending) => dialogs.end(signer, ending),
  });
  return (
    <div className="cs-row">
      <ActionButton isAllowed={grants.update} variant="secondary" onClick={() => dialogs.edit(signer)}>
        {strings.app.edit}
      </ActionButton>
      <RowMenu name={signer.metadata.name} actions={grants.update ? more : []} />
    </div>
  );
}

function Details({ signer }: { readonly signer: Signer }) {
  const { metadata, spec, facts, problems, warnings } = signer;
  const { labels, name } = metadata;
  return (
    <div className="cs-stack">
      <ManagedByAlert managedBy={metadata.managedBy} />
      <FindingsAlert problems={problems} warnings={warnings} />
      <div className="cs-grid">
        <Card className="cs-two-thirds">
          <CardBody>
            <SignerFacts signer={signer} />
          </CardBody>
        </Card>
        <Card className="cs-third">
          <CardTitle component="h2">{text.usedByTitle}</CardTitle>
          <CardBody>
            {facts.usedBy.length === 0 ? (
              <p className="cs-quiet">{text.usedByNone}</p>
            ) : (
              <PolicyLinks policies={facts.usedBy} />
            )}
          </CardBody>
        </Card>
        <Card>
          <CardTitle component="h2">{text.document}</CardTitle>
          <CardBody>
            <CodeText
              label={text.document}
              text={yamlOf({
                apiVersion: signer.apiVersion,
                kind: signer.kind,
                metadata: { name, ...(labels !== undefined && { labels }) },
                spec,
              })}
            />
          </CardBody>
        </Card>
      </div>
    </div>
  );
}
