/** Small things this browser remembers; without storage it simply forgets them. */
function attempt<T>(use: () => T, otherwise: T): T {
  try {
    return use();
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return otherwise;
    throw error;
  }
}

export function recall<T>(name: string, isRight: (value: unknown) => value is T): T | null {
  const value = attempt<unknown>(
    () => JSON.parse(localStorage.getItem(`larder:${name}`) ?? "null"),
    null,
  );
  return isRight(value) ? value : null;
}

export function remember(name: string, value: unknown): void {
  attempt(() => localStorage.setItem(`larder:${name}`, JSON.stringify(value)), undefined);
}
