// Package document reads OpenAPI documents into a thin tree that knows where each
// line stands: OpenAPI 3.0.x, 3.1.x and 3.2.x in YAML 1.2 or JSON, split over files
// by $ref, and Swagger 2.0 by conversion. Every problem is reported with file, line
// and column, all of them at once.
//
// References lead only where the [Source] allows: to files below listed folders,
// and to listed URLs. Cycles are fine, loops of nothing but references are not.
package document
