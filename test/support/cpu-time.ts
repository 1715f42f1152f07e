/** CPU that this process has used since `start` (`process.cpuUsage()`), milliseconds: what else the machine is doing does not count. */
export function cpuMillisecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/**
 * CPU that the work takes of this thread, milliseconds: neither other programs count nor other threads, such as the collector's and
 * the compiler's. On a busy machine it can still be twice what it is on one that has nothing else to do.
 */
export function threadMilliseconds(work: () => unknown): number {
  const start = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1000;
}
