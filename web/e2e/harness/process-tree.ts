// Signals a program that a story started, together with its helpers, which are what holds its sockets.
import { readdirSync, readFileSync } from "node:fs";

export function signalTree(pid: number, signal: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void {
  for (const member of treeOf(pid)) {
    try {
      process.kill(member, signal);
    } catch {
      // It ended by itself in between.
    }
  }
}

function treeOf(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const member of tree) tree.push(...(children.get(member) ?? []));
  return tree;
}

function parentOf(pid: string): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in brackets, may contain anything; the parent is the second field after it.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return null;
  }
}
