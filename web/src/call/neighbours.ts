// People who sit in one physical room hear each other there: they name the same group, and the server sends
// them no sound of each other. Knows the attribute that carries the name, and no network.

/** The participant attribute that names the group; documented in docs/neighbours.md. */
export const NEIGHBOURS_ATTRIBUTE = "saal.neighbours";
/** The server takes no longer name. */
export const NEIGHBOURS_LENGTH_MAX = 64;

export function groupName(attributes: Readonly<Record<string, string>>): string {
  return attributes[NEIGHBOURS_ATTRIBUTE]?.trim() ?? "";
}

/** The groups that somebody is in, each once, in the order of the alphabet. */
export function groupsIn(people: readonly { readonly neighbours: string }[]): readonly string[] {
  const names = people.map(({ neighbours }) => neighbours).filter((name) => name !== "");
  return [...new Set(names)].sort((a, b) => a.localeCompare(b));
}
