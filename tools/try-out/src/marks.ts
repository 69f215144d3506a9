/** What users' images are marked with here. A comma in a value and a colon in a name need the JSON form. */
export const INJECT = {
  origin: 'self-service',
  'trait:CUSTOM_USER_IMAGES': 'required',
  support: 'none, ask the community',
} satisfies Readonly<Record<string, string>>;
