#version 300 es
precision highp float;
precision highp int;
uniform vec3 colours[16];
uniform vec4 camera;
flat in uint look;
flat in float radius;
in vec2 off;
out vec4 drawn;
vec4 over(vec4 below, vec3 c, float a) {
  return below * (1.0 - a) + vec4(c, 1.0) * a;
}
float ring(float far, float at, float wide) {
  return clamp(wide * camera.w + 0.5 - abs(far - at * camera.w), 0.0, 1.0);
}
void main() {
  uint kind = look & 3u;
  vec2 p = abs(off);
  float far = length(off);
  float d = kind == 1u ? max(p.x, p.y) - radius * 0.86
    : kind == 2u ? (p.x + p.y) * 0.7071 - radius * 0.88 : far - radius;
  float in_ = clamp(0.5 - d, 0.0, 1.0);
  vec4 c = vec4(0);
  if (radius > 3.0 * camera.w) c = over(c, colours[7], clamp(1.5 * camera.w + 0.5 - d, 0.0, 1.0));
  c = over(c, (look & 4u) != 0u ? colours[6] : colours[kind], in_);
  if ((look & 32u) != 0u) c = over(c, colours[7], clamp(-d - 1.2 * camera.w, 0.0, 1.0));
  if ((look & 4u) != 0u) c = over(c, colours[3], clamp(radius * 0.45 + 0.5 - far, 0.0, 1.0));
  float out_ = radius / camera.w * 1.1;
  if ((look & 8u) != 0u) c = over(c, colours[4], ring(far, out_ + 3.0, 0.9));
  if ((look & 16u) != 0u && fract(atan(off.y, off.x) * 0.9549297) < 0.6)
    c = over(c, colours[5], ring(far, out_ + ((look & 8u) != 0u ? 6.0 : 3.5), 1.1));
  if ((look & 64u) != 0u) c = over(c, colours[6], ring(far, out_ + 6.5, 1.3));
  drawn = c;
}
