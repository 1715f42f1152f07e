import { EmptyMessage } from '../shared/states.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { strings } from '../strings.ts';

export function NotFound() {
  return (
    <SectionPage title={strings.notFound.title}>
      <EmptyMessage title={strings.notFound.title} body={strings.notFound.body} />
    </SectionPage>
  );
}
