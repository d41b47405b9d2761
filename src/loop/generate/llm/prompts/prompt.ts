/** A versioned prompt: a changed text gets a new name. `{words}` in braces are filled by `fillPrompt`. */
export interface Prompt {
  /** e.g. `plan-v1-en`. */
  readonly name: string;
  readonly system: string;
  readonly user: string;
  /** What each value of the grid is called in the prompt's language; a value that is not here stands as it is. */
  readonly words: Readonly<Record<string, string>>;
}
