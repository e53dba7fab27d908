package fetch

import (
	"net/http"
	"strings"
)

// forbiddenToRobots returns the directive of X-Robots-Tag by which a server
// keeps a picture from being learnt from, or "". Directives are separated by
// commas, and may stand after the name of the robot that they are meant for,
// as in "somebot: noai, noindex". Some have a value instead, which may be a
// date with a comma and colons.
func forbiddenToRobots(h http.Header) string {
	for _, line := range h.Values("X-Robots-Tag") {
		forUs := true
		for part := range strings.SplitSeq(strings.ToLower(line), ",") {
			robot, directive, named := strings.Cut(part, ":")
			robot = strings.TrimSpace(robot)
			if named && (valued(robot) || strings.Contains(robot, " ")) {
				continue
			}
			if named {
				forUs = robot == "oi-fetch" || robot == "*"
			} else {
				directive = part
			}
			switch directive = strings.TrimSpace(directive); directive {
			case "noai", "noimageai":
				if forUs {
					return directive
				}
			}
		}
	}
	return ""
}

// valued says whether a directive of that name has a value.
func valued(name string) bool {
	switch name {
	case "max-snippet", "max-image-preview", "max-video-preview", "unavailable_after":
		return true
	}
	return false
}
