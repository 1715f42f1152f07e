import type { Policy } from '../../admin/schemas/resources.ts';
import { ConflictView } from '../shared/conflict-view.tsx';
import { isRecord, pairsAt, valueAt, type Json } from '../shared/values.ts';
import { targetOf } from './policy-document.ts';

/** Another version is stored than the one that is edited. */
export function PolicyConflict({
  value,
  isSaving,
  onReload,
  onReapply,
}: {
  readonly value: Json;
  readonly isSaving: boolean;
  readonly onReload: (stored: Policy) => void;
  readonly onReapply: (version: string) => void;
}) {
  const { path, name } = targetOf(value);
  const spec = valueAt(value, 'spec');
  return (
    <ConflictView<Policy>
      path={path}
      mine={{
        metadata: { name, labels: pairsAt(value, 'metadata', 'labels') },
        spec: isRecord(spec) ? spec : {},
      }}
      isSaving={isSaving}
      onReload={onReload}
      onReapply={onReapply}
    />
  );
}
