import { jest } from '@jest/globals';

// Nothing here passes by a time-out, and a busy machine takes its time: heap walks, kubectl, watches, controllers.
jest.setTimeout(240_000);
