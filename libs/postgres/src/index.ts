export { Database } from './database.ts';
export type { DatabaseOptions, PostgresConfig } from './database.ts';
export { databaseError, isUniqueViolation, StatementError } from './database-error.ts';
export { migrate, migrateWhenReachable } from './migrations.ts';
export type { Migrating, Migration } from './migrations.ts';
export { ChangeClock } from './change-clock.ts';
export { Notifications } from './notifications.ts';
export type { NotificationListener } from './notifications.ts';
export { Tickets } from './tickets.ts';
