interface LockedPackage {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/**
 * Dependencies that a lock file names and does not hold. npm leaves out optional ones that the registry did not have when the lock was
 * written (packages for other platforms, on a mirror), and then `npm ci` refuses the whole file: nobody could install a clean clone.
 */
export function findMissingLocks({ packages }: LockFile): string[] {
  return Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !isHeld(packages, path, name))
      .map(
        (name) => `package-lock.json does not hold ${name}, which ${path || "package.json"} names: \`npm ci\` would refuse it`,
      ),
  );
}

/** Whether a package finds `name` as Node does: in its own node_modules, or in those of the folders around it. */
function isHeld(packages: LockFile["packages"], path: string, name: string): boolean {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const place = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[place] !== undefined) return true;
    if (folder === "") return false;
  }
}
