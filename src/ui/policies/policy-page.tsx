import { Breadcrumb, BreadcrumbItem, Button } from '@patternfly/react-core';
import { Link, useNavigate, useParams } from 'react-router';
import { usePolicy } from '../api/queries.ts';
import { usePermissions } from '../session/session.tsx';
import { FindingsAlert } from '../shared/document-alerts.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { Loaded } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { forgetUnsaved } from '../unsaved/unsaved.ts';
import { usePolicyDialogs } from './policy-dialogs.tsx';
import { policyRoute } from './policy-document.ts';
import { PolicyEditor } from './policy-editor.tsx';
import { PolicyState } from './policies-table.tsx';

const text = strings.policies;

export function NewPolicyPage() {
  const { policies: grants } = usePermissions();
  const navigate = useNavigate();
  return (
    <SectionPage title={text.newTitle} above={<Path name={text.newTitle} />}>
      <PolicyEditor
        policy={undefined}
        isAllowed={grants.create}
        onCreated={({ metadata: { namespace, name } }) => void navigate(policyRoute(namespace, name))}
      />
    </SectionPage>
  );
}

export function PolicyPage() {
  const { namespace, name = '' } = useParams();
  const policy = usePolicy(namespace, name);
  const { policies: grants } = usePermissions();
  const navigate = useNavigate();
  const dialogs = usePolicyDialogs(() => {
    forgetUnsaved();
    void navigate('/policies');
  });
  const { data } = policy;
  return (
    <SectionPage
      title={name}
      lead={namespace === undefined ? text.cluster : text.namespace(namespace)}
      above={<Path name={name} />}
      actions={
        data !== undefined && (
          <div className="cs-row">
            <PolicyState policy={data} />
            {grants.delete && (
              <Button variant="secondary" isDanger onClick={() => dialogs.remove(data)}>
                {strings.app.delete}
              </Button>
            )}
          </div>
        )
      }
    >
      <Loaded query={policy} rows={10}>
        {(stored) => (
          <div className="cs-stack">
            <FindingsAlert problems={stored.problems} warnings={stored.facts.unusable} />
            <PolicyEditor
              key={`${namespace ?? ''}/${name}`}
              policy={stored}
              isAllowed={grants.update}
              onCreated={() => undefined}
            />
          </div>
        )}
      </Loaded>
      {dialogs.shown}
    </SectionPage>
  );
}

function Path({ name }: { readonly name: string }) {
  return (
    <Breadcrumb className="cs-space-below">
      <BreadcrumbItem>
        <Link to="/policies">{text.title}</Link>
      </BreadcrumbItem>
      <BreadcrumbItem isActive>{name}</BreadcrumbItem>
    </Breadcrumb>
  );
}
