import { parseDocuments, type FileProblem } from '../api/policy-file.ts';
import type { Resource, TrustRootResource } from '../api/resources.ts';
import type { FileText } from './policy-files.ts';

/** What one file gave so far. */
interface Held {
  readonly text: string | undefined;
  readonly resources: readonly Resource[];
  readonly problems: readonly FileProblem[];
  /** Whether all of the text is in force; otherwise some of `resources` may be what an earlier one said. */
  readonly isWhole: boolean;
  /** False when something in it was never read: what it would deny is then unknown. */
  readonly known: boolean;
  readonly missingSince: number | undefined;
}

/** Milliseconds. An editor that saves by moving the old file away leaves none for a moment; that is not a deletion. */
const deletionGrace = 500;
/** A file that was written so lately may not be whole yet, and half a YAML file can be a valid one with fewer policies. */
const settling = 100;

/**
 * The documents of all files, over time. Where a document was good and now cannot be read, what it said last stays in
 * force: to drop a policy would admit what it denies, to drop a signer would deny what it vouches for, and which of the two an
 * unreadable document was nobody can tell. It is reported until it is mended. An exception alone is dropped: without it more is denied. With nothing to fall back on (a start with a bad
 * file) the set is not complete, and its store denies: a policy that was never read may have denied anything.
 */
export class PolicySet {
  readonly #files = new Map<string, Held>();
  #begun = false;

  /**
   * Takes in what was read. `now` is monotonic, `wall` is milliseconds since the epoch. Returns whether anything changed, and whether to look again soon.
   * @param own what this process has just written, whole, by file; undefined = it removed the file
   */
  update(
    read: ReadonlyMap<string, FileText>,
    now: number,
    wall: number,
    own: ReadonlyMap<string, string | undefined> = new Map(),
  ): { changed: boolean; again: boolean } {
    let changed = false;
    let again = false;
    for (const [name, file] of read) {
      const before = this.#files.get(name);
      const isOwn = file.kind === 'text' && own.get(name) === file.text;
      const age = file.kind === 'text' && !isOwn ? wall - file.changedAt : Infinity;
      // At the start there is nothing else to decide with.
      if (this.#begun && file.kind === 'text' && file.text !== before?.text && age >= 0 && age < settling) {
        again = true;
        continue;
      }
      const after = hold(name, file, before);
      changed ||= after !== before;
      this.#files.set(name, after);
    }
    this.#begun = true;
    for (const [name, before] of this.#files) {
      if (read.has(name)) continue;
      const missingSince = before.missingSince ?? now;
      const isOwn = own.has(name) && own.get(name) === undefined;
      if (isOwn || now - missingSince >= deletionGrace) {
        this.#files.delete(name);
        changed = true;
      } else {
        this.#files.set(name, { ...before, missingSince });
        again = true;
      }
    }
    return { changed, again };
  }

  /** The text of a file that is in force, all of it; undefined = there is no such file, or it cannot be read whole. */
  textOf(name: string): string | undefined {
    const held = this.#files.get(name);
    return held?.isWhole === true ? held.text : undefined;
  }

  /** Everything in force, in the order of file names. */
  resources(): Resource[] {
    const all = [...this.#held()].flatMap(({ resources }) => resources);
    const doubled = doubledNames(all);
    // Two policies of one name both hold. Of two signers of one name nobody knows which was meant (one may be the disabled one).
    const used = all.filter((resource) => isPolicy(resource) || !doubled.has(keyOf(resource)));
    return [...used, ...unusableRoots(all, doubled)];
  }

  /** False while nothing in force could deny anything. */
  get hasPolicy(): boolean {
    return [...this.#files.values()].some(({ resources }) => resources.some(isPolicy));
  }

  /** Everything wrong, with file and line. */
  problems(): FileProblem[] {
    const held = [...this.#held()];
    const doubled = doubledNames(held.flatMap(({ resources }) => resources));
    const doubles = [...doubled].map((key) => ({
      file: [...this.#files]
        .filter(([, { resources }]) => resources.some((each) => keyOf(each) === key))
        .map(([name]) => name)
        .join(', '),
      line: 1,
      field: 'metadata.name',
      message: `${key} stands more than once; none of them is used, unless they are policies, which all hold`,
    }));
    return [...held.flatMap(({ problems }) => problems), ...doubles];
  }

  /** Names of files that hold something that was never read. */
  unknownFiles(): string[] {
    return [...this.#files]
      .filter(([, { known }]) => !known)
      .map(([name]) => name)
      .sort();
  }

  *#held(): Generator<Held> {
    for (const name of [...this.#files.keys()].sort()) {
      const held = this.#files.get(name);
      if (held !== undefined) yield held;
    }
  }
}

function hold(name: string, file: FileText, before: Held | undefined): Held {
  if (file.kind === 'unreadable') {
    const problem = { file: name, line: 1, field: '', message: `cannot be read: ${file.reason}` };
    const same = before?.text === undefined && before?.problems[0]?.message === problem.message;
    if (before !== undefined && same && before.missingSince === undefined) return before;
    const { resources = [], known = false } = before ?? {};
    return {
      text: undefined,
      resources: resources.filter(isKept),
      problems: [problem],
      isWhole: false,
      known,
      missingSince: undefined,
    };
  }
  if (before !== undefined && before.text === file.text && before.missingSince === undefined) return before;
  const parsed = parseDocuments(file.text, name);
  const resources = parsed.resources.map(({ resource }) => resource);
  const common = {
    text: file.text,
    problems: parsed.problems,
    isWhole: parsed.complete,
    missingSince: undefined,
  };
  if (parsed.complete) return { ...common, resources, known: true };
  // The good documents count as they are now; those of before that are not among them may be the unreadable ones.
  const present = new Set(resources.map(keyOf));
  const kept = (before?.resources ?? []).filter(
    (resource) => isKept(resource) && !present.has(keyOf(resource)),
  );
  return { ...common, resources: [...resources, ...kept], known: before?.known ?? false };
}

function doubledNames(resources: readonly Resource[]): Set<string> {
  const seen = new Set<string>();
  const doubled = new Set<string>();
  for (const key of resources.map(keyOf)) (seen.has(key) ? doubled : seen).add(key);
  return doubled;
}

/** A doubled root is there and cannot be used: left out, a built-in root of its name would stand in for it. */
function unusableRoots(all: readonly Resource[], doubled: ReadonlySet<string>): TrustRootResource[] {
  const roots = new Map<string, TrustRootResource>();
  for (const each of all)
    if (each.kind === 'TrustRoot' && doubled.has(keyOf(each))) roots.set(each.name, each);
  const problem = { field: 'metadata.name', message: 'stands more than once: nobody knows which was meant' };
  return [...roots.values()].map((root) => ({ ...root, source: undefined, problems: [problem] }));
}

/** Whether it stays in force while its document cannot be read. */
function isKept({ kind }: Resource): boolean {
  return kind !== 'SigningException';
}

function isPolicy(resource: Resource): boolean {
  return resource.kind === 'ClusterSigningPolicy' || resource.kind === 'SigningPolicy';
}

function keyOf(resource: Resource): string {
  const namespace = 'namespace' in resource ? resource.namespace : undefined;
  return [resource.kind, namespace, resource.name].filter((part) => part !== undefined).join('/');
}
