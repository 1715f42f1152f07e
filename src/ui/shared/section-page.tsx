import { Content, Flex, FlexItem, PageSection, Title } from '@patternfly/react-core';
import { useEffect, useRef, type ReactNode } from 'react';
import { strings } from '../strings.ts';

/** The frame of a section: its heading, which the focus goes to when the section is entered, what it is for, and its actions. */
export function SectionPage({
  title,
  lead,
  actions,
  above,
  children,
}: {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  /** A breadcrumb. */
  readonly above?: ReactNode;
  readonly children: ReactNode;
}) {
  const heading = useRef<HTMLDivElement>(null);
  useEffect(() => {
    document.title = `${title} · ${strings.app.documentTitle}`;
  }, [title]);
  useEffect(() => {
    // A link that was followed is gone with the section that it stood in.
    if (
      document.activeElement === document.body ||
      (document.activeElement?.closest('nav') ?? null) !== null
    ) {
      heading.current?.querySelector('h1')?.focus();
    }
  }, []);
  return (
    <>
      <PageSection hasBodyWrapper={false} className="cs-page-head">
        {above}
        <Flex
          justifyContent={{ default: 'justifyContentSpaceBetween' }}
          alignItems={{ default: 'alignItemsFlexEnd' }}
          flexWrap={{ default: 'wrap', md: 'nowrap' }}
        >
          <FlexItem grow={{ default: 'grow' }} className="cs-page-head__text">
            <div ref={heading}>
              <Title headingLevel="h1" tabIndex={-1}>
                {title}
              </Title>
            </div>
            {lead !== undefined && <Content component="p">{lead}</Content>}
          </FlexItem>
          {actions !== undefined && <FlexItem>{actions}</FlexItem>}
        </Flex>
      </PageSection>
      <PageSection hasBodyWrapper={false} isFilled>
        {children}
      </PageSection>
    </>
  );
}
