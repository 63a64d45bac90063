#version 300 es
precision highp float;
precision highp int;
uniform vec3 colours[16];
uniform vec4 camera;
flat in vec4 look;
flat in uint dashes;
in vec2 way;
out vec4 drawn;
void main() {
  float far = abs(way.y), a = clamp(look.z + 0.5 - far, 0.0, 1.0) * look.w;
  if (look.y > 0.5) a *= clamp(far - look.z * 0.4 + 0.5, 0.0, 1.0);
  if ((dashes >> (uint(way.x / (1.5 * camera.w)) & 15u) & 1u) == 0u) a = 0.0;
  float q = look.x / 127.0;
  vec3 c = look.x > 254.5 ? colours[11]
    : q < 1.0 ? mix(colours[8], colours[9], q) : mix(colours[9], colours[10], q - 1.0);
  drawn = vec4(c * a, a);
}
