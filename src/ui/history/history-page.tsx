import { Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import { useState } from 'react';
import { usePermissions } from '../session/session.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { EmptyMessage } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { ChangesTab } from './changes-tab.tsx';
import { VerificationsTab } from './verifications-tab.tsx';

const text = strings.history;

export function HistoryPage() {
  const { verifications, changes } = usePermissions();
  const [tab, setTab] = useState<string | number>(verifications || !changes ? 'verifications' : 'changes');
  return (
    <SectionPage title={text.title} lead={text.lead}>
      <Tabs
        activeKey={tab}
        onSelect={(_, chosen) => setTab(chosen)}
        aria-label={text.title}
        mountOnEnter
        unmountOnExit
        role="region"
      >
        <Tab eventKey="verifications" title={<TabTitleText>{text.tabs.verifications}</TabTitleText>}>
          {/* Whoever may see one namespace alone filters by it: the server says so, and decides. */}
          <div className="cs-tab">
            <VerificationsTab />
          </div>
        </Tab>
        <Tab eventKey="changes" title={<TabTitleText>{text.tabs.changes}</TabTitleText>}>
          <div className="cs-tab">
            {changes ? <ChangesTab /> : <EmptyMessage title={strings.app.notAllowed} body={text.lead} />}
          </div>
        </Tab>
      </Tabs>
    </SectionPage>
  );
}
