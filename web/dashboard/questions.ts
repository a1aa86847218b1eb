/* What pages ask of the library by GraphQL. */

const JOB = 'id presetId status progress error output outputUrl startsAt endsAt';

/** What a page asks of an asset: as many of its jobs, and this of what there is to show it by. */
export const assetFields = (jobs: number, player: string) =>
  `id filename path duration size width height videoCodec audioCodec status error comments url jobs(first: ${jobs}) { ${JOB} } player { ${player} }`;

/** So many jobs are shown of each asset where there are many: a question for as many assets as a page may have costs what it may. */
export const JOBS_OF_EACH = 8;

/** A page of assets, and by what more can be made of them. */
export const SHELF = `query ($status: String, $search: String, $first: Int) {
  assets: assetsPage(status: $status, search: $search, first: $first) { nodes { ${assetFields(JOBS_OF_EACH, 'poster')} } pageInfo { hasNextPage } }
  presets { name }
}`;
