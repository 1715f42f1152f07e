import { findTools } from './tools.ts';

/** Runs once before the cluster suite. */
export default findTools;
