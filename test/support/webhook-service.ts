import { connect, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { ClusterRequest } from './kubernetes.ts';

export interface ServiceTarget {
  readonly namespace: string;
  readonly name: string;
  /** The loopback port that the webhook listens on. */
  readonly targetPort: number;
  /** The Service's port; 443 unless said otherwise. */
  readonly servicePort?: number;
}

export interface ExposedService {
  /** Where the API server dials: this machine's own address. */
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Gives a Service one endpoint: a forwarder on this machine's own address, since Kubernetes refuses loopback
 * addresses in an EndpointSlice. A Service that is there already, from a chart, is left as it is.
 */
export async function exposeService(request: ClusterRequest, target: ServiceTarget): Promise<ExposedService> {
  const address = ownAddress();
  const forwarder = await startForwarder(address, target.targetPort);
  const { namespace, name } = target;
  try {
    const portName = await servicePortName(request, target);
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${name}-tests`,
        namespace,
        labels: {
          'kubernetes.io/service-name': name,
          'endpointslice.kubernetes.io/managed-by': 'countersign-tests',
        },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ name: portName, port: forwarder.port, protocol: 'TCP' }],
    };
    const slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    await request(`${slices}/${slice.metadata.name}`, { method: 'DELETE' });
    const created = await request(slices, { method: 'POST', body: slice });
    if (created.status !== 201)
      throw new Error(`no EndpointSlice for ${namespace}/${name}: ${created.body.toString()}`);
  } catch (error) {
    await forwarder.close();
    throw error;
  }
  return { address, port: forwarder.port, close: forwarder.close };
}

async function servicePortName(request: ClusterRequest, target: ServiceTarget): Promise<string> {
  const { namespace, name, servicePort = 443 } = target;
  const services = `/api/v1/namespaces/${namespace}/services`;
  let response = await request(`${services}/${name}`);
  if (response.status === 404) {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { ports: [{ name: 'https', port: servicePort }] },
    };
    response = await request(services, { method: 'POST', body: service });
  }
  const { spec } = JSON.parse(response.body.toString()) as {
    spec?: { ports?: { name?: string; port: number }[] };
  };
  const port = spec?.ports?.find((candidate) => candidate.port === servicePort);
  if (port === undefined) {
    throw new Error(`Service ${namespace}/${name} has no port ${servicePort}: ${response.body.toString()}`);
  }
  return port.name ?? '';
}

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const own = all.find(
    ({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'),
  );
  if (own === undefined) {
    throw new Error(
      'This machine has no IPv4 address beside loopback, and Kubernetes accepts no loopback address as the ' +
        'endpoint of a Service. Give it one (ip link add own type dummy; ip addr add 198.51.100.10/32 dev own).',
    );
  }
  return own.address;
}

interface Forwarder {
  readonly port: number;
  close(): Promise<void>;
}

async function startForwarder(address: string, targetPort: number): Promise<Forwarder> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [end, other] of [
      [socket, target],
      [target, socket],
    ] as const) {
      sockets.add(end);
      end.on('error', () => other.destroy());
      end.on('close', () => {
        sockets.delete(end);
        other.destroy();
      });
    }
    socket.pipe(target).pipe(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, address, resolve);
  });
  const bound = server.address();
  if (typeof bound !== 'object' || bound === null) throw new Error('The forwarder has no port.');
  return {
    port: bound.port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
