import type { Signer } from '../../admin/schemas/resources.ts';
import type { Permissions } from '../../admin/schemas/session.ts';
import type { RowAction } from '../shared/row-menu.tsx';
import { strings } from '../strings.ts';
import type { Ending } from './signer-writes.ts';

const text = strings.signers;

/** What somebody may do with a signer, as it is now. */
export function signerActions(
  { facts, spec }: Signer,
  grants: Permissions['signers'],
  { edit, enable, end }: { edit: () => void; enable: () => void; end: (ending: Ending) => void },
): readonly RowAction[] {
  const isOn = spec['enabled'] !== false;
  return [
    ...(grants.update ? [{ label: strings.app.edit, onClick: edit }] : []),
    ...(grants.update && isOn && facts.state !== 'retired'
      ? [{ label: text.retire, onClick: () => end('retire') }]
      : []),
    ...(grants.update && isOn ? [{ label: text.revoke, onClick: () => end('revoke'), isDanger: true }] : []),
    ...(grants.update && !isOn ? [{ label: text.enable, onClick: enable }] : []),
    ...(grants.delete ? [{ label: text.delete, onClick: () => end('delete'), isDanger: true }] : []),
  ];
}
