import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';
import { strings } from '../strings.ts';

const PARAMETER = 'sign-in';
const WORDS: Readonly<Record<string, string>> = strings.signIn.problems;

/** Why somebody came back from the issuer without being signed in; undefined = they did not come from there. */
export function useSignInProblem(): string | undefined {
  const [parameters, setParameters] = useSearchParams();
  const [problem] = useState(() => WORDS[parameters.get(PARAMETER) ?? '']);
  const isThere = parameters.has(PARAMETER);
  useEffect(() => {
    // It is about this once, and not about whoever reloads the page or signs out later.
    if (isThere) setParameters({}, { replace: true });
  }, [isThere, setParameters]);
  return problem;
}
