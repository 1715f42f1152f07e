/** Why an image is what it is, as branches that people open and close. */
export interface TreeNode {
  /** Unique in its tree. */
  readonly id: string;
  /** What kind of thing this is. */
  readonly name: string;
  /** Which one. Written by others: text only. */
  readonly text: string | undefined;
  readonly state: 'good' | 'bad' | 'unknown' | 'neutral';
  readonly code?: string | undefined;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  /** RFC 3339. */
  readonly time?: string | undefined;
  /** Closed until somebody wants to know. */
  readonly isClosed?: boolean;
  readonly children: readonly TreeNode[];
}

export type TreeDraft = Partial<Omit<TreeNode, 'id' | 'children'>> & {
  readonly name: string;
  readonly children?: readonly (TreeDraft | undefined)[];
};

/** Gives every node its place as its id, and leaves out what is undefined. */
export function treeOf(draft: TreeDraft, id = '0'): TreeNode {
  const { children = [], ...node } = draft;
  return {
    text: undefined,
    state: 'neutral',
    ...node,
    id,
    children: children
      .filter((child) => child !== undefined)
      .map((child, index) => treeOf(child, `${id}.${index}`)),
  };
}

/** Ids of the branches that are closed at first. */
export function closedIds(node: TreeNode): readonly string[] {
  const inside = node.children.flatMap(closedIds);
  return node.isClosed === true ? [node.id, ...inside] : inside;
}

/** Ids of all branches below the first. */
export function branchIds(node: TreeNode, isRoot = true): readonly string[] {
  const inside = node.children.flatMap((child) => branchIds(child, false));
  return isRoot || node.children.length === 0 ? inside : [node.id, ...inside];
}
