// Package body reads request and answer bodies by their media type: JSON (strictly,
// package strictjson), application/x-www-form-urlencoded, multipart/form-data with
// the encodings of its parts, XML as far as a schema describes it, text and binary;
// content codings (gzip, deflate, br, zstd as far as supported) are undone within a limit.
package body
