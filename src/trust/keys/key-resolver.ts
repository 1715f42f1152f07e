import type { KeyReference, KeyScheme } from '../../api/key-reference.ts';
import { unreachable } from '../../errors.ts';
import type { VerificationKey } from '../../sigstore/public-key.ts';
import { KeyConnections } from './connections.ts';
import type { KeySettings } from './settings.ts';
import type { KeyPorts, ReadKeys } from './key-ports.ts';

/**
 * Reads keys wherever they are kept. A vendor's client is loaded when the first reference of its scheme is wanted, and only then:
 * they take from 50 to 500 ms, and most installations use one or none.
 */
export class KeyResolver {
  readonly #settings: KeySettings;
  readonly #ports: KeyPorts;
  readonly #connections: KeyConnections;
  readonly #readers: { [S in KeyScheme]?: Promise<ReadKeys<S>> } = {};

  constructor(settings: KeySettings, ports: KeyPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#connections = new KeyConnections(settings.proxy, ports.connect);
  }

  /** @throws Fault KEY_UNAVAILABLE; Refusal for a key of no use; whatever a vendor's client throws on its own account */
  async resolve(reference: KeyReference, signal: AbortSignal): Promise<readonly VerificationKey[]> {
    switch (reference.scheme) {
      case 'k8s':
        return (await (this.#readers.k8s ??= this.#secrets()))(reference, signal);
      case 'hashivault':
        return (await (this.#readers.hashivault ??= this.#vault()))(reference, signal);
      case 'awskms':
        return (await (this.#readers.awskms ??= this.#aws()))(reference, signal);
      case 'gcpkms':
        return (await (this.#readers.gcpkms ??= this.#gcp()))(reference, signal);
      case 'azurekms':
        return (await (this.#readers.azurekms ??= this.#azure()))(reference, signal);
      default:
        return unreachable(reference);
    }
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  async #secrets(): Promise<ReadKeys<'k8s'>> {
    const { secretKeys } = await import('./secret-keys.ts');
    return secretKeys(this.#settings.secretNamespaces ?? [], this.#ports.readSecret);
  }

  async #vault(): Promise<ReadKeys<'hashivault'>> {
    const { vaultKeys } = await import('./vault-keys.ts');
    return vaultKeys(this.#settings.vault ?? {}, this.#ports, this.#connections);
  }

  async #aws(): Promise<ReadKeys<'awskms'>> {
    const { awsKeys } = await import('./aws-keys.ts');
    return awsKeys(this.#settings.aws ?? {}, this.#ports.env, this.#connections);
  }

  async #gcp(): Promise<ReadKeys<'gcpkms'>> {
    const { gcpKeys } = await import('./gcp-keys.ts');
    return gcpKeys(this.#settings.gcp ?? {}, this.#connections);
  }

  async #azure(): Promise<ReadKeys<'azurekms'>> {
    const { azureKeys } = await import('./azure-keys.ts');
    return azureKeys(this.#settings.azure ?? {}, this.#ports, this.#connections);
  }
}
