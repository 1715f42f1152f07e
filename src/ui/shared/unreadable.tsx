import { createContext, useCallback, useContext, useEffect, useId, useState, type ReactNode } from 'react';

type Report = (field: string, isUnreadable: boolean) => void;

const ReportContext = createContext<Report>(() => undefined);

/** Fields of one form that hold what cannot be read. While there is one, the form keeps the values that it had and must not be saved. */
export function useUnreadable(): { readonly isAny: boolean; readonly report: Report } {
  const [fields, setFields] = useState<ReadonlySet<string>>(new Set());
  const report = useCallback<Report>((field, isUnreadable) => {
    setFields((before) => {
      if (before.has(field) === isUnreadable) return before;
      const after = new Set(before);
      if (isUnreadable) after.add(field);
      else after.delete(field);
      return after;
    });
  }, []);
  return { isAny: fields.size > 0, report };
}

/** The form round its fields. */
export function UnreadableFields({
  report,
  children,
}: {
  readonly report: Report;
  readonly children: ReactNode;
}) {
  return <ReportContext value={report}>{children}</ReportContext>;
}

/** Tells the form about this field, for as long as it is shown. */
export function useReportUnreadable(isUnreadable: boolean): void {
  const field = useId();
  const report = useContext(ReportContext);
  useEffect(() => {
    report(field, isUnreadable);
    return () => report(field, false);
  }, [report, field, isUnreadable]);
}
