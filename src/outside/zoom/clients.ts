import type { ZoomAccount } from './account.ts';
import { createZoomApi, type ZoomApi, type ZoomApiOptions } from './client.ts';

/** An account that Zoom can be asked about. */
export interface AskableAccount<Account extends Pick<ZoomAccount, 'id' | 'credentials'> = ZoomAccount> {
  readonly account: Account;
  readonly api: ZoomApi;
}

/** The REST interface of each account for which there are credentials. */
export function createZoomApis<Account extends Pick<ZoomAccount, 'id' | 'credentials'>>(
  options: Omit<ZoomApiOptions, 'credentials'> & { readonly accounts: readonly Account[] },
): AskableAccount<Account>[] {
  const { accounts, ...shared } = options;
  return accounts.flatMap((account) => {
    const { credentials } = account;
    return credentials === undefined ? [] : [{ account, api: createZoomApi({ ...shared, credentials }) }];
  });
}

/** The interface to ask about an account; one without an id stands for every account. */
export function apiOf(
  apis: readonly AskableAccount<Pick<ZoomAccount, 'id' | 'credentials'>>[],
  accountId: string | null,
): ZoomApi | undefined {
  return apis.find(({ account: { id } }) => id === null || id === accountId)?.api;
}
