import * as models from '@kubernetes/client-node/dist/gen/models/all.js';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/** A leaf or inner field of the real PodSpec: `containers[].image`, with the OpenAPI type that holds it. */
export interface PodSpecField {
  readonly path: string;
  readonly holder: string;
}

/** Every field of the PodSpec of the Kubernetes version that the client was generated for. */
export function podSpecFields(): readonly PodSpecField[] {
  return fieldsOf('V1PodSpec', '', []);
}

function fieldsOf(type: string, path: string, holders: readonly string[]): readonly PodSpecField[] {
  return attributesOf(type).flatMap((attribute) => {
    const list = attribute.type.startsWith('Array<');
    const inner = attribute.type.replace(/^(?:Array<|\{ \[key: string\]: )(.*?);?(?:>| \})$/, '$1');
    const here = `${path === '' ? '' : `${path}.`}${attribute.baseName}${list ? '[]' : ''}`;
    const deeper = holders.includes(inner) ? [] : fieldsOf(inner, here, [...holders, type]);
    return [{ path: here, holder: type }, ...deeper];
  });
}

function attributesOf(type: string): readonly Attribute[] {
  const model: unknown = Reflect.get(models, type);
  if (typeof model !== 'function' || !('getAttributeTypeMap' in model)) return [];
  return (model as unknown as { getAttributeTypeMap(): readonly Attribute[] }).getAttributeTypeMap();
}
