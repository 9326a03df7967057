import { keyOf } from '../mapping.ts';
import type { RegistryService } from '../registry.ts';
import type { FileContent, UnreadableService } from './document.ts';

/** What stays of a file that cannot be used as it is now: what was wrong with it before stood at lines that are gone. */
export function withoutProblems(content: FileContent, file: string): FileContent {
  const well = (service: RegistryService): RegistryService =>
    service.problems.length === 0 ? service : { ...service, problems: [] };
  return {
    services: content.services.map(well),
    kept: content.kept.map(well),
    problems: [],
    unreadable: content.unreadable.map(service => ({
      ...service,
      problem: { where: file, why: `service "${service.name}" could not be used before either` },
    })),
    partly: content.partly,
  };
}

/** Has services stay that the file said before, when an entry may be any of them. @param before what it said when it was last usable. */
export function keepUnnamed(content: FileContent, before: FileContent | undefined): FileContent {
  if (!content.partly || !before) return content;
  const listed = new Set([...content.services, ...content.unreadable].map(keyOf));
  const isLeft = (service: UnreadableService | RegistryService): boolean => !listed.has(keyOf(service));
  return {
    services: content.services,
    kept: [...before.services, ...before.kept].filter(isLeft),
    problems: content.problems,
    unreadable: [...content.unreadable, ...before.unreadable.filter(isLeft)],
    partly: before.partly,
  };
}
