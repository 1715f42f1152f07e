import { jest } from '@jest/globals';

// kubectl, watches and controllers take their time on a busy machine; nothing here passes by a time-out.
jest.setTimeout(90_000);
