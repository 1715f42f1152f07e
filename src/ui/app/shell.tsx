import {
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  MastheadToggle,
  Nav,
  NavItem,
  NavList,
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
} from '@patternfly/react-core';
import { Suspense, useEffect, useState } from 'react';
import { Link, Route, Routes, useLocation } from 'react-router';
import { LoadingState } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { Brand } from './brand.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { LiveIndicator } from './live-indicator.tsx';
import { NotFound } from './not-found.tsx';
import { SECTIONS } from './sections.ts';
import { ThemeSwitch } from './theme-switch.tsx';
import { UserMenu } from './user-menu.tsx';

const MAIN = 'main-content';
/** Below this width the navigation is a drawer over the page. Pixels, from the design system. */
const WIDE = '(min-width: 1200px)';

const noop = () => undefined;

export function Shell() {
  const { pathname } = useLocation();
  const [isNavigationOpen, setNavigationOpen] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const wide = matchMedia(WIDE);
    const follow = () => setNavigationOpen(wide.matches);
    wide.addEventListener('change', follow);
    return () => wide.removeEventListener('change', follow);
  }, []);
  const closeDrawer = () => {
    if (!matchMedia(WIDE).matches) setNavigationOpen(false);
  };
  return (
    <Page
      masthead={
        <Head isNavigationOpen={isNavigationOpen} onToggle={() => setNavigationOpen(!isNavigationOpen)} />
      }
      sidebar={
        <PageSidebar isSidebarOpen={isNavigationOpen}>
          <PageSidebarBody>
            <Navigation pathname={pathname} onChosen={closeDrawer} />
          </PageSidebarBody>
          <PageSidebarBody isFilled={false} className="cs-narrow-only">
            <section aria-label={strings.theme.label}>{isNavigationOpen && <ThemeSwitch />}</section>
          </PageSidebarBody>
        </PageSidebar>
      }
      skipToContent={<SkipToContent href={`#${MAIN}`}>{strings.app.skip}</SkipToContent>}
      mainContainerId={MAIN}
      // Without it the page does not look how wide it is, and keeps the drawer out of sight.
      onPageResize={noop}
      mainTabIndex={-1}
      mainAriaLabel={strings.app.main}
      isContentFilled
    >
      <ErrorBoundary key={pathname.split('/')[1]}>
        <Suspense fallback={<LoadingState rows={8} />}>
          <Routes>
            {SECTIONS.map(({ path, page: Section }) => (
              <Route key={path} path={path === '/' ? '/' : `${path}/*`} element={<Section />} />
            ))}
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </ErrorBoundary>
    </Page>
  );
}

function Head({
  isNavigationOpen,
  onToggle,
}: {
  readonly isNavigationOpen: boolean;
  readonly onToggle: () => void;
}) {
  return (
    <Masthead display={{ default: 'inline' }}>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton
            isHamburgerButton
            aria-label={strings.app.navigation}
            isSidebarOpen={isNavigationOpen}
            onSidebarToggle={onToggle}
          />
        </MastheadToggle>
        <MastheadBrand>
          <Link to="/" className="cs-brand-link" aria-label={strings.app.home}>
            <Brand />
          </Link>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="cs-head-tools">
          <LiveIndicator />
          <div className="cs-wide-only">
            <ThemeSwitch />
          </div>
          <UserMenu />
        </div>
      </MastheadContent>
    </Masthead>
  );
}

function Navigation({ pathname, onChosen }: { readonly pathname: string; readonly onChosen: () => void }) {
  return (
    <Nav aria-label={strings.app.sections} onSelect={onChosen}>
      <NavList>
        {SECTIONS.map(({ path, name }) => {
          const isActive =
            path === '/' ? pathname === '/' : pathname === path || pathname.startsWith(`${path}/`);
          return (
            <NavItem key={path} isActive={isActive} itemId={path}>
              <Link to={path} {...(isActive && { 'aria-current': 'page' })}>
                {name}
              </Link>
            </NavItem>
          );
        })}
      </NavList>
    </Nav>
  );
}
