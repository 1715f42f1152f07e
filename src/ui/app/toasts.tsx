import { Alert, AlertActionCloseButton, AlertGroup } from '@patternfly/react-core';
import { createContext, useCallback, useContext, useState, type ReactNode } from 'react';
import { strings } from '../strings.ts';

export interface Toast {
  readonly variant: 'success' | 'warning' | 'danger' | 'info';
  readonly title: string;
  readonly detail?: string | undefined;
}

const Show = createContext<(toast: Toast) => void>(() => undefined);

/** Says what happened, also to screen readers. */
export function useToast(): (toast: Toast) => void {
  return useContext(Show);
}

/** Milliseconds; bad news stays until it is dismissed. */
const SHOWN_FOR = 8000;

export function ToastProvider({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly (Toast & { readonly key: number })[]>([]);
  const show = useCallback((toast: Toast) => {
    setToasts((all) => [{ ...toast, key: (all[0]?.key ?? 0) + 1 }, ...all].slice(0, 5));
  }, []);
  const dismiss = (key: number) => setToasts((all) => all.filter((toast) => toast.key !== key));
  return (
    <Show value={show}>
      {children}
      <AlertGroup isToast isLiveRegion aria-label={strings.app.messages}>
        {toasts.map(({ key, variant, title, detail }) => (
          <Alert
            key={key}
            component="h2"
            variant={variant}
            title={title}
            timeout={variant === 'danger' ? false : SHOWN_FOR}
            onTimeout={() => dismiss(key)}
            actionClose={
              <AlertActionCloseButton
                aria-label={`${strings.app.close}: ${title}`}
                onClose={() => dismiss(key)}
              />
            }
          >
            {detail}
          </Alert>
        ))}
      </AlertGroup>
    </Show>
  );
}
