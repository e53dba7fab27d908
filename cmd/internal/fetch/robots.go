package fetch

import (
	"net/http"
	"strings"
)

// forbiddenToRobots returns the directive of X-Robots-Tag by which a server
// keeps a picture from being learnt from, or "". Directives are separated by
// commas, and may stand behind the name of the robot that they are meant for,
// as in "somebot: noai, noindex".
func forbiddenToRobots(h http.Header) string {
	for _, line := range h.Values("X-Robots-Tag") {
		forUs := true
		for part := range strings.SplitSeq(strings.ToLower(line), ",") {
			robot, directive, named := strings.Cut(part, ":")
			if named {
				robot = strings.TrimSpace(robot)
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
