#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D at;
uniform vec4 camera;
uniform vec4 knobs;
uniform vec2 size;
layout(location = 0) in uvec3 link;
flat out vec4 look;
flat out uint dashes;
out vec2 way;
vec2 place(uint i) {
  vec2 p = texelFetch(at, ivec2(i & 1023u, i >> 10), 0).xy;
  return (p - camera.xy) * camera.z;
}
void main() {
  vec2 a = place(link.x), b = place(link.y), d = b - a;
  float l = max(length(d), 1e-3);
  d /= l;
  bool lit = float(link.x) == knobs.y || float(link.y) == knobs.y;
  bool bridge = (link.z & 1u) != 0u;
  float quality = float(link.z >> 8 & 255u);
  float slow = min(quality, 254.0) / 254.0;
  float wide = camera.w * (bridge ? 2.6 : lit ? 1.5 : mix(0.75, 0.5, slow));
  float shown = lit || bridge ? 1.0 : knobs.y < 0.0 ? knobs.z : knobs.z * 0.3;
  look = vec4(quality, float(link.z & 1u), wide, shown);
  dashes = link.z >> 16;
  way = vec2(gl_VertexID & 1, (gl_VertexID >> 1) * 2 - 1) * vec2(l, wide + 1.0);
  vec2 p = a + d * way.x + vec2(-d.y, d.x) * way.y;
  gl_Position = vec4(p / size * vec2(2, -2), 0, 1);
}
