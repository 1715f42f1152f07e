import {
  Divider,
  Dropdown,
  DropdownItem,
  DropdownList,
  MenuToggle,
  type MenuToggleElement,
} from '@patternfly/react-core';
import { UserIcon } from '@patternfly/react-icons/dist/esm/icons/user-icon';
import { useState, type Ref } from 'react';
import { useCurrentSession } from '../session/session.tsx';
import { useSignOut } from '../session/sign-out.ts';
import { MiddleText } from '../shared/middle-text.tsx';
import { strings } from '../strings.ts';
import { DiscardDialog } from '../unsaved/discard-dialog.tsx';
import { hasUnsaved } from '../unsaved/unsaved.ts';
import { useToast } from './toasts.tsx';

/** Who is signed in, and the way out. */
export function UserMenu() {
  const session = useCurrentSession();
  const { user, mode, version } = session;
  const [isOpen, setOpen] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const toast = useToast();
  const signOut = useSignOut(({ message }) =>
    toast({ variant: 'danger', title: strings.user.signOutFailed, detail: message }),
  );
  const name = user?.name ?? strings.user.nobody;
  return (
    <>
      {isAsking && (
        <DiscardDialog
          onDiscard={() => {
            setAsking(false);
            signOut.mutate();
          }}
          onKeep={() => setAsking(false)}
        />
      )}
      <Dropdown
        isOpen={isOpen}
        onOpenChange={setOpen}
        popperProps={{ position: 'right', appendTo: 'inline' }}
        toggle={(ref: Ref<MenuToggleElement>) => (
          <MenuToggle
            ref={ref}
            variant="plainText"
            isExpanded={isOpen}
            icon={<UserIcon />}
            aria-label={strings.user.menu(name)}
            onClick={() => setOpen(!isOpen)}
          >
            <MiddleText text={name} />
          </MenuToggle>
        )}
      >
        <DropdownList>
          <DropdownItem isDisabled key="who" description={strings.user.mode[mode]}>
            <span className="cs-wrap">{name}</span>
          </DropdownItem>
          <DropdownItem isDisabled key="version">
            {strings.user.version(version)}
          </DropdownItem>
          <Divider component="li" key="line" />
          <DropdownItem key="out" onClick={() => (hasUnsaved() ? setAsking(true) : signOut.mutate())}>
            {strings.user.signOut}
          </DropdownItem>
        </DropdownList>
      </Dropdown>
    </>
  );
}
