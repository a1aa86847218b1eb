/** What the histories of Zoom's recordings tell beside all others, and what people are told of it. */
export const ZOOM_EVENTS = {
  'zoom.trashed': 'Somebody has moved it to Zoom’s trash',
  'zoom.deleted': 'Somebody has deleted it from Zoom',
  'zoom.recovered': 'Somebody has taken it back out of Zoom’s trash',
  'trash.moved': 'Moved to Zoom’s trash: it is home',
  'trash.given-up': 'Could not be moved to Zoom’s trash, and is left there',
} as const;
