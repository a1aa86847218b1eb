import { describeStrikes, everyCase } from '../support/faults-table.ts';

describeStrikes(everyCase());
