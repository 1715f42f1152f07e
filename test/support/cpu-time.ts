/** CPU that this process has used since `start` (`process.cpuUsage()`), milliseconds: what else the machine is doing does not count. */
export function cpuMillisecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
